/* Included twice here and once in twice_b.c: the header guards itself and defines nothing that the linker sees twice. */
#include "awq_marlin.h"
#include "awq_marlin.h"

uint32_t number_in_b(void);

int main(void) {
    return awqm_version_number() == number_in_b() ? 0 : 1;
}
