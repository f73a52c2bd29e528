exports.handler = async (event) => ({ greeting: `hello, ${event.name ?? "world"}` });
