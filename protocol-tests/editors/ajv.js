// A schema and instances on standard input, {"schema": …, "instances": […]}; on standard output whether each is valid.
// The schema itself is held against the meta-schema of draft-07 first.
const Ajv = require(process.argv[2] + "/ajv").default;
const { schema, instances } = JSON.parse(require("fs").readFileSync(0, "utf8"));
// Not strict: it knows no `markdownDescription`, and what other editors read besides.
const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
if (!ajv.validateSchema(schema)) throw new Error(ajv.errorsText(ajv.errors));
const validate = ajv.compile(schema);
console.log(JSON.stringify(instances.map((instance) => validate(instance))));
