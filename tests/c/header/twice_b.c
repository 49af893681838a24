#include "awq_marlin.h"

uint32_t number_in_b(void);

uint32_t number_in_b(void) {
    return awqm_version_number();
}
