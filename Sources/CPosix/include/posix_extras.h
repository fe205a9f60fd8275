// Calls that the C library shows only to programs that ask for its extensions, which Swift's import of it does not.
#pragma once

/// Opens a file in `folder` that has no name yet, for reading and writing; -1 and errno where that cannot be done.
int resect_open_unnamed(const char *folder);

/// Begins to write back what was written to `descriptor`, without waiting for it; a hint only.
void resect_begin_sync(int descriptor);

/// Opens a file in memory that has no name and is gone with its last descriptor; -1 and errno where that cannot be done.
int resect_open_memory(const char *label);

/// How many processors the kernel lets this process run on; 0 where that is unknown.
int resect_allowed_processors(void);
