/** Schemas, extensions and collations. */
import type { Collation } from '../../../../lambda/audit/catalogue/collations';
import type { Extension } from '../../../../lambda/audit/catalogue/extensions';
import type { Schema } from '../../../../lambda/audit/catalogue/schemas';
import { key } from '../../../../lambda/audit/names';
import { literal, column as name, relation } from '../names';
import type { Part, Unwritten } from '../part';

export const schemaPart = ({ name: schema }: Schema): Part => ({
  phase: 'schema',
  group: `schema ${schema}`,
  title: `schema ${schema}`,
  about: [`Schema ${name(schema)}, which the source has.`],
  up: [`CREATE SCHEMA ${name(schema)}`],
  verify: [
    `SELECT ${literal(`There is no schema ${name(schema)}`)} WHERE pg_catalog.to_regnamespace(${literal(name(schema))}) IS NULL`,
  ],
});

export function extensionPart(from: Extension, to: Extension | undefined): Part {
  const extension = name(from.name);
  const common = {
    phase: 'extension' as const,
    group: `extension ${from.name}`,
    title: `extension ${from.name}`,
    verify: [
      `SELECT ${literal(`Extension ${extension} is not in schema ${name(from.schema)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
  WHERE e.extname = ${literal(from.name)} AND n.nspname = ${literal(from.schema)})`,
    ],
  };
  if (to)
    return {
      ...common,
      about: [
        `Extension ${extension} is in schema ${name(to.schema)}; in the source it is in ${name(from.schema)}.`,
      ],
      decide: [
        `does extension ${extension} move to schema ${name(from.schema)}? Whatever names its functions in ${name(to.schema)} then fails`,
      ],
      // Of a trusted extension the functions belong to whoever made the server.
      preflight: [
        `SELECT pg_catalog.format(${literal(`what extension ${extension} brings belongs to %s: only that role or a superuser can move it to schema ${name(from.schema)}`)}, pg_catalog.pg_get_userbyid(p.proowner))
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid JOIN pg_catalog.pg_proc p ON p.oid = d.objid
WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  AND e.extname = ${literal(from.name)} AND NOT pg_catalog.pg_has_role(current_user, p.proowner, 'USAGE') LIMIT 1`,
      ],
      up: [`ALTER EXTENSION ${extension} SET SCHEMA ${name(from.schema)}`],
    };
  const available = `FROM pg_catalog.pg_available_extensions WHERE name = ${literal(from.name)}`;
  return {
    ...common,
    about: [`Extension ${extension}, which the source has.`],
    preflight: [
      `SELECT ${literal(`The server does not have the extension ${extension}: install it, or allow it in the parameter group`)}
WHERE NOT EXISTS (SELECT ${available})`,
    ],
    // Some have a schema of their own.
    up: [
      from.schema === 'pg_catalog'
        ? `CREATE EXTENSION ${extension}`
        : `CREATE EXTENSION ${extension} SCHEMA ${name(from.schema)}`,
    ],
  };
}

export function collationPart(from: Collation, to: Collation | undefined): Part | Unwritten {
  if (to) return { unwritten: 'a collation that is in use cannot be made another one' };
  const collation = relation(from);
  if (from.locale === undefined) return { unwritten: 'its locale is not known' };
  const options = [
    `provider = ${from.provider}`,
    `locale = ${literal(from.locale)}`,
    ...(from.nondeterministic ? ['deterministic = false'] : []),
  ];
  return {
    phase: 'collation',
    group: `collation ${collation}`,
    title: `collation ${from.name}`,
    about: [`Collation ${collation}, which the source has.`],
    up: [`CREATE COLLATION ${collation} (${options.join(', ')})`],
    verify: [
      `SELECT ${literal(`There is no collation ${collation}`)} WHERE pg_catalog.to_regcollation(${literal(collation)}) IS NULL`,
    ],
    makes: [key(from.schema, from.name)],
  };
}
