// The entry of libFuzzer for a program that has a main of its own (compiler-rt, FuzzerDriver.cpp). The library comes
// with the toolchain, and the link flag -sanitize=fuzzer brings it.
#pragma once
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
