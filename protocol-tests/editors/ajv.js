// Reads a schema and instances from standard input, {"schema": …, "instances": […]}, and prints for each instance
// whether it is valid. First validates the schema itself against the meta-schema of draft-07.
const Ajv = require(process.argv[2] + "/ajv").default;
const { schema, instances } = JSON.parse(require("fs").readFileSync(0, "utf8"));
// Not strict, because ajv does not know `markdownDescription` and other keywords that editors use.
const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
if (!ajv.validateSchema(schema)) throw new Error(ajv.errorsText(ajv.errors));
const validate = ajv.compile(schema);
console.log(JSON.stringify(instances.map((instance) => validate(instance))));
