/* The header after the macros that game engines and Windows headers leave behind. */
#define check(expr) do { engine_check expr; } while (0)
#define verify(expr) do { engine_verify expr; } while (0)
#define TEXT(s) L##s
#define IN
#define OUT
#define interface struct
#define near
#define far
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define ERROR 0
#define PI 3.14f
#define small char
#define OPTIONAL
#define DELETE 0x00010000L
#define NO_ERROR 0L
#define unix 1
#define linux 1
#include "awq_marlin.h"

int main(void) {
    return awqm_abi_version() == AWQM_ABI_VERSION ? 0 : 1;
}
