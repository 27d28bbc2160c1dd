/** Enums, domains, composites and ranges. */
import type { DataType } from '../../../../lambda/audit/catalogue/data-types';
import { sameText } from '../../../../lambda/audit/compare/text';
import { key } from '../../../../lambda/audit/names';
import { literal, column as name, relation } from '../names';
import type { Part, Unwritten } from '../part';

export function typePart(from: DataType, to: DataType | undefined): Part | Unwritten {
  const type = relation(from);
  if (to) return changed(from, to);
  return {
    ...common(from),
    about: [`Type ${type}, which the source has.`],
    up: create(from),
    verify: [
      `SELECT ${literal(`There is no type ${type}`)} WHERE pg_catalog.to_regtype(${literal(type)}) IS NULL`,
    ],
    makes: [key(from.schema, from.name)],
  };
}

const common = (from: DataType) => ({
  phase: 'type' as const,
  group: `type ${relation(from)}`,
  title: `type ${from.name}`,
});

function create(type: DataType): string[] {
  const called = relation(type);
  switch (type.kind) {
    case 'enum':
      return [`CREATE TYPE ${called} AS ENUM (${(type.labels ?? []).map(literal).join(', ')})`];
    case 'domain':
      return [
        [
          `CREATE DOMAIN ${called} AS ${type.base}`,
          type.collation ? `COLLATE ${type.collation}` : '',
          type.default ? `DEFAULT ${type.default}` : '',
          type.notNull ? 'NOT NULL' : '',
          ...(type.checks ?? []).map((check) => `CONSTRAINT ${name(check.name)} ${check.definition}`),
        ]
          .filter(Boolean)
          .join(' '),
      ];
    case 'composite':
      return [
        `CREATE TYPE ${called} AS (${(type.attributes ?? []).map((each) => `${name(each.name)} ${each.type}`).join(', ')})`,
      ];
    case 'range':
      return [
        `CREATE TYPE ${called} AS RANGE (subtype = ${type.subtype}${type.collation ? `, collation = ${type.collation}` : ''})`,
      ];
  }
}

const CANNOT = 'a type that is in use cannot be made another one';

/** What can be added to a type that is there: values, CHECKs. */
function changed(from: DataType, to: DataType): Part | Unwritten {
  if (from.kind !== to.kind) return { unwritten: CANNOT };
  const type = relation(from);
  if (from.kind === 'enum') {
    const missing = (from.labels ?? []).filter((label) => !to.labels?.includes(label));
    return missing.length === 0 ? { unwritten: CANNOT } : values(from, missing);
  }
  const checks = (from.checks ?? []).filter(
    (check) => !to.checks?.some(({ definition }) => sameText(definition, check.definition)),
  );
  if (from.kind !== 'domain' || checks.length === 0) return { unwritten: CANNOT };
  return {
    ...common(from),
    about: [`CHECKs of domain ${type}, which the source has.`],
    consents: { 'domain-constraint': 'each table with a column of the domain is read once' },
    up: checks.flatMap((check) => [
      `ALTER DOMAIN ${type} ADD CONSTRAINT ${name(check.name)} ${check.definition.replace(/ NOT VALID$/, '')} NOT VALID`,
      `ALTER DOMAIN ${type} VALIDATE CONSTRAINT ${name(check.name)}`,
    ]),
    verify: checks.map(
      (
        check,
      ) => `SELECT ${literal(`Domain ${type} has no validated constraint ${name(check.name)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint WHERE contypid = pg_catalog.to_regtype(${literal(type)})
    AND conname = ${literal(check.name)} AND convalidated)`,
    ),
  };
}

function values(from: DataType, missing: readonly string[]): Part {
  const type = relation(from);
  const labels = from.labels!;
  const known = new Set(labels.filter((label) => !missing.includes(label)));
  const up = missing.map((label) => {
    const after = labels[labels.indexOf(label) - 1];
    const before = labels.slice(labels.indexOf(label) + 1).find((each) => known.has(each));
    known.add(label);
    const place =
      after !== undefined
        ? ` AFTER ${literal(after)}`
        : before !== undefined
          ? ` BEFORE ${literal(before)}`
          : '';
    return `ALTER TYPE ${type} ADD VALUE ${literal(label)}${place}`;
  });
  return {
    ...common(from),
    about: [`Values of the enum ${type}, which the source has.`],
    up,
    verify: missing.map(
      (label) => `SELECT ${literal(`${type} lacks the value ${literal(label)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(${literal(type)}) AND enumlabel = ${literal(label)})`,
    ),
  };
}
