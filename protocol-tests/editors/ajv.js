// Reads a schema and instances from standard input, {"schema": …, "instances": […]}, and prints for each instance
// whether it is valid. First validates the schema itself against the meta-schema of draft-07.
const Ajv = require(process.argv[2] + "/ajv").default;
const { schema, instances } = JSON.parse(require("fs").readFileSync(0, "utf8"));
// Strict, which is ajv's default. `logger` only hides its notes about types such as ["string", "number"].
const ajv = new Ajv({ allErrors: true, logger: false });
if (!ajv.validateSchema(schema)) throw new Error(ajv.errorsText(ajv.errors));
const validate = ajv.compile(schema);
console.log(JSON.stringify(instances.map((instance) => validate(instance))));
