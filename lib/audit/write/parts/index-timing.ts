/** Changes DEFERRABLE of unique constraints by creating them again: ALTER CONSTRAINT supports only foreign keys. */
import type { Index } from '../../../../lambda/audit/catalog/indexes';
import { buildDerivedName, quoteName as name, quoteTable } from '../names';
import type { RepairStep, Unrepairable } from '../repair-step';
import { buildIndexVerification } from './index-checks';
import { buildUseIndexSql, formatIndexDefinition, formatIndexGroup } from './index-sql';

/**
 * Replaces a deferrable constraint by an immediate one. A second index would not help: ON CONFLICT infers both and
 * fails. The rows stay unique throughout.
 */
export function buildImmediateStep(index: Index): RepairStep | Unrepairable {
  const table = quoteTable(index);
  const own = name(index.name);
  const built = buildDerivedName(index.name, '_now');
  const { deferrable: _, ...immediate } = index;
  return {
    phase: 'index',
    group: formatIndexGroup(index),
    title: `immediate ${index.table} ${index.name}`,
    about: [
      `${own} on ${table} is deferrable, so ON CONFLICT cannot use it. It becomes a constraint that is checked immediately.`,
    ],
    decide: [`does anything rely on ${own} being checked at the end of the transaction?`],
    ...(index.primary ? { consents: { 'primary-key-scan': 'its columns are NOT NULL already' } } : {}),
    up: [
      formatIndexDefinition(index, { concurrently: true, called: built }),
      `ALTER TABLE ${table} DROP CONSTRAINT ${own}, ${buildUseIndexSql(immediate, built).replace(`ALTER TABLE ${table} `, '')}`,
    ],
    verify: buildIndexVerification(index),
  };
}

/** Creates a constraint again as deferrable. */
export function buildDeferrableStep(index: Index): RepairStep {
  const own = name(index.name);
  const built = buildDerivedName(index.name, '_now');
  return {
    phase: 'index',
    group: formatIndexGroup(index),
    title: `deferrable ${index.table} ${index.name}`,
    about: [`${own} on ${quoteTable(index)} is deferrable in the source, so it is created again.`],
    decide: [`does any ON CONFLICT use ${own}? It cannot use a deferrable constraint.`],
    ...(index.primary ? { consents: { 'primary-key-scan': 'its columns are NOT NULL already' } } : {}),
    up: [
      formatIndexDefinition(index, { concurrently: true, called: built }),
      `ALTER TABLE ${quoteTable(index)} DROP CONSTRAINT ${own}, ${buildUseIndexSql(index, built).replace(`ALTER TABLE ${quoteTable(index)} `, '')}`,
    ],
    verify: buildIndexVerification(index),
  };
}
