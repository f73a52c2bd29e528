#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dpl_lambda::fuzz::aws_error(data));
