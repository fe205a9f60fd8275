// What a process gives up before it looks at a hostile file. C, because prctl has no fixed arguments and resource
// limits have different types from system to system.
#pragma once
#include <stdint.h>

/// Limits this process for good: memory to `memory` bytes, no further descriptors, no files, no core dump, no new
/// privileges; closes all descriptors above `last`. Where the kernel can, it is left with the system calls that
/// computing takes. 0, or -1 where a limit could not be set.
int resect_confine(uint64_t memory, int last);

/// Allows this process `seconds` more of the processor: then it is ended by SIGXCPU. 0 or -1.
int resect_allow_seconds(unsigned seconds);
