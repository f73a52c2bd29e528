//! The `dpl-lambda` program. Its code is in the `process` module of the library.

fn main() {
    dpl_lambda::process::main();
}
