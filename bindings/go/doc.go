// Package awqmarlin runs AWQ-quantized linear layers through the awq-marlin library.
//
// Words: K input features, N output features, M rows of activations, g the group size along K;
// w[k][n] = (q[k][n] - z[k/g][n]) * s[k/g][n] and y = x * w + bias, with x [M, K] and y [M, N] row-major.
//
// Handles (Device, Config, Checkpoint, Packed, Linear, Plan) own memory of the library: Close frees it, at any time, in
// any order and from any goroutine; a finalizer is the net for those that were forgotten. Close waits for calls in
// flight; a call after it returns ErrClosed. Everything else may be called from any number of goroutines at once.
//
// Errors are values: errors.Is(err, awqmarlin.StatusNotFound), or errors.As with *Error for the message, which names
// place, value found and value needed.
//
// Slices go in and out without copies. Pointers and streams of a GPU are uintptr.
package awqmarlin

// #cgo pkg-config: awq_marlin
// #include <awq_marlin.h>
import "C"

// Version of the header that this package was compiled with: MAJOR * 1000000 + MINOR * 1000 + PATCH.
const Version = C.AWQM_VERSION_NUMBER

// ABIVersion that this package was compiled for; the library that is loaded must offer the same.
const ABIVersion = C.AWQM_ABI_VERSION

// LibraryVersion is the version of the library that is loaded, counted as Version.
func LibraryVersion() int { return int(C.awqm_version_number()) }

// LibraryABIVersion is the ABI of the library that is loaded.
func LibraryABIVersion() int { return int(C.awqm_abi_version()) }

// VersionString is the version of the library that is loaded, such as "0.1.0".
func VersionString() string { return C.GoString(C.awqm_version_string()) }

// BuildInfo is version, backends and target in one line, for bug reports.
func BuildInfo() string { return C.GoString(C.awqm_build_info()) }
