// The header alone, and twice.
#include <awq_marlin.hpp>
#include <awq_marlin.hpp>
int main() { return awqm::Error().code(); }
