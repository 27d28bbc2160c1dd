/** Repairs enums, domains, composite types and ranges. */
import type { DataType } from '../../../../lambda/audit/catalog/data-types';
import { isSameText } from '../../../../lambda/audit/compare/text';
import { joinKey } from '../../../../lambda/audit/names';
import { quoteName as name, quoteRelation, quoteText } from '../names';
import type { RepairStep, Unrepairable } from '../repair-step';

export function buildTypeStep(from: DataType, to: DataType | undefined): RepairStep | Unrepairable {
  const type = quoteRelation(from);
  if (to) return buildTypeChangeStep(from, to);
  return {
    ...buildCommonFields(from),
    about: [`Type ${type}, which the source has.`],
    up: buildCreateTypeSql(from),
    verify: [
      `SELECT ${quoteText(`There is no type ${type}`)} WHERE pg_catalog.to_regtype(${quoteText(type)}) IS NULL`,
    ],
    makes: [joinKey(from.schema, from.name)],
    creates: [{ on: 'type', schema: from.schema, name: from.name }],
  };
}

const buildCommonFields = (from: DataType) => ({
  phase: 'type' as const,
  group: `type ${quoteRelation(from)}`,
  title: `type ${from.name}`,
});

function buildCreateTypeSql(type: DataType): string[] {
  const called = quoteRelation(type);
  switch (type.kind) {
    case 'enum':
      return [`CREATE TYPE ${called} AS ENUM (${(type.labels ?? []).map(quoteText).join(', ')})`];
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

const TYPE_IN_USE = 'a type in use cannot be changed';

/** Adds to an existing type: values of an enum, CHECKs of a domain. */
function buildTypeChangeStep(from: DataType, to: DataType): RepairStep | Unrepairable {
  if (from.kind !== to.kind) return { unwritten: TYPE_IN_USE };
  const type = quoteRelation(from);
  if (from.kind === 'enum') {
    const missing = (from.labels ?? []).filter((label) => !to.labels?.includes(label));
    return missing.length === 0 ? { unwritten: TYPE_IN_USE } : buildEnumValuesStep(from, missing);
  }
  const checks = (from.checks ?? []).filter(
    (check) => !to.checks?.some(({ definition }) => isSameText(definition, check.definition)),
  );
  if (from.kind !== 'domain' || checks.length === 0) return { unwritten: TYPE_IN_USE };
  return {
    ...buildCommonFields(from),
    about: [`CHECKs of domain ${type}, which the source has.`],
    consents: { 'domain-constraint': 'each table with a column of the domain is read once' },
    up: checks.flatMap((check) => [
      `ALTER DOMAIN ${type} ADD CONSTRAINT ${name(check.name)} ${check.definition.replace(/ NOT VALID$/, '')} NOT VALID`,
      `ALTER DOMAIN ${type} VALIDATE CONSTRAINT ${name(check.name)}`,
    ]),
    verify: checks.map(
      (
        check,
      ) => `SELECT ${quoteText(`Domain ${type} has no validated constraint ${name(check.name)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint WHERE contypid = pg_catalog.to_regtype(${quoteText(type)})
    AND conname = ${quoteText(check.name)} AND convalidated)`,
    ),
  };
}

function buildEnumValuesStep(from: DataType, missing: readonly string[]): RepairStep {
  const type = quoteRelation(from);
  const labels = from.labels!;
  const known = new Set(labels.filter((label) => !missing.includes(label)));
  const up = missing.map((label) => {
    const after = labels[labels.indexOf(label) - 1];
    const before = labels.slice(labels.indexOf(label) + 1).find((each) => known.has(each));
    known.add(label);
    const place =
      after !== undefined
        ? ` AFTER ${quoteText(after)}`
        : before !== undefined
          ? ` BEFORE ${quoteText(before)}`
          : '';
    return `ALTER TYPE ${type} ADD VALUE ${quoteText(label)}${place}`;
  });
  return {
    ...buildCommonFields(from),
    about: [`Values of the enum ${type}, which the source has.`],
    up,
    verify: missing.map(
      (label) => `SELECT ${quoteText(`${type} lacks the value ${quoteText(label)}`)} WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(${quoteText(type)}) AND enumlabel = ${quoteText(label)})`,
    ),
  };
}
