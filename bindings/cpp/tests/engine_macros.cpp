// The header after the macros that game engines, X11 and Windows headers leave behind.
#define check(expr) do { engine_check expr; } while (0)
#define verify(expr) do { engine_verify expr; } while (0)
#define TEXT(s) L##s
#define IN
#define OUT
#define interface struct
#define near
#define far
#define small char
#define ERROR 0
#define OPTIONAL
#define DELETE 0x00010000L
#define NO_ERROR 0L
#define PI 3.14f
#define Status int
#define Success 0
#define None 0L
#define Bool int
#define Always 2
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#include <awq_marlin.hpp>

// What another file of the same program includes.
int in_the_other_file();
int in_the_other_file() { return awqm::Device().info() ? 1 : 0; }
