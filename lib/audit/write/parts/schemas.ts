/** Repairs schemas, extensions and collations. */
import type { Collation } from '../../../../lambda/audit/catalog/collations';
import type { Extension } from '../../../../lambda/audit/catalog/extensions';
import type { Schema } from '../../../../lambda/audit/catalog/schemas';
import { joinKey } from '../../../../lambda/audit/names';
import { quoteName as name, quoteRelation, quoteText } from '../names';
import type { RepairStep, Unrepairable } from '../repair-step';

export const buildSchemaStep = ({ name: schema }: Schema): RepairStep => ({
  phase: 'schema',
  group: `schema ${schema}`,
  title: `schema ${schema}`,
  about: [`Schema ${name(schema)}, which the source has.`],
  up: [`CREATE SCHEMA ${name(schema)}`],
  creates: [{ on: 'schema', name: schema }],
  verify: [
    `SELECT ${quoteText(`There is no schema ${name(schema)}`)} WHERE pg_catalog.to_regnamespace(${quoteText(name(schema))}) IS NULL`,
  ],
});

export function buildExtensionStep(from: Extension, to: Extension | undefined): RepairStep {
  const extension = name(from.name);
  const common = {
    phase: 'extension' as const,
    group: `extension ${from.name}`,
    title: `extension ${from.name}`,
    verify: [
      `SELECT ${quoteText(`Extension ${extension} is not in schema ${name(from.schema)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname = ${quoteText(from.name)} AND n.nspname = ${quoteText(from.schema)})`,
    ],
  };
  if (to)
    return {
      ...common,
      about: [
        `Extension ${extension} is in schema ${name(to.schema)}; in the source it is in ${name(from.schema)}.`,
      ],
      decide: [
        `should extension ${extension} move to schema ${name(from.schema)}? SQL that names its functions in ${name(to.schema)} will fail`,
      ],
      // The functions of a trusted extension belong to the bootstrap superuser.
      preflight: [
        `SELECT pg_catalog.format(${quoteText(`the functions of extension ${extension} belong to %s: only that role or a superuser can move them to schema ${name(from.schema)}`)}, pg_catalog.pg_get_userbyid(p.proowner))
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid JOIN pg_catalog.pg_proc p ON p.oid = d.objid
WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND e.extname = ${quoteText(from.name)} AND NOT pg_catalog.pg_has_role(current_user, p.proowner, 'USAGE') LIMIT 1`,
      ],
      up: [`ALTER EXTENSION ${extension} SET SCHEMA ${name(from.schema)}`],
    };
  const available = `FROM pg_catalog.pg_available_extensions WHERE name = ${quoteText(from.name)}`;
  return {
    ...common,
    about: [`Extension ${extension}, which the source has.`],
    preflight: [
      `SELECT ${quoteText(`The server does not have extension ${extension}: install it, or allow it in the parameter group`)}
WHERE NOT EXISTS (SELECT ${available})`,
    ],
    // Some extensions create their schema themselves.
    up: [
      from.schema === 'pg_catalog'
        ? `CREATE EXTENSION ${extension}`
        : `CREATE EXTENSION ${extension} SCHEMA ${name(from.schema)}`,
    ],
  };
}

export function buildCollationStep(from: Collation, to: Collation | undefined): RepairStep | Unrepairable {
  if (to) return { unwritten: 'a collation in use cannot be changed' };
  const collation = quoteRelation(from);
  if (from.locale === undefined) return { unwritten: 'its locale is unknown' };
  const options = [
    `provider = ${from.provider}`,
    `locale = ${quoteText(from.locale)}`,
    ...(from.nondeterministic ? ['deterministic = false'] : []),
  ];
  return {
    phase: 'collation',
    group: `collation ${collation}`,
    title: `collation ${from.name}`,
    about: [`Collation ${collation}, which the source has.`],
    up: [`CREATE COLLATION ${collation} (${options.join(', ')})`],
    verify: [
      `SELECT ${quoteText(`There is no collation ${collation}`)} WHERE pg_catalog.to_regcollation(${quoteText(collation)}) IS NULL`,
    ],
    makes: [joinKey(from.schema, from.name)],
  };
}
