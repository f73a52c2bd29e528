//! The program.

fn main() {
    dpl_lambda::process::main();
}
