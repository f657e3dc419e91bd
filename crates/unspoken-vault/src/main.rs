//! The server program. All of it is in the library, so that tests can start it.

use std::process::ExitCode;

/// Memory is wiped when it is given back, whoever used it: the drivers and the server's own buffers too.
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    unspoken_vault::run(std::env::args_os(), &unspoken_vault::Variables::from_process())
}
