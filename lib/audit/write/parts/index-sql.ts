/** Formats SQL of an index: its definition, the constraint that uses it, and the group of its file. */
import type { Index } from '../../../../lambda/audit/catalog/indexes';
import { quoteName as name, quoteRelation, quoteTable } from '../names';

/** Formats CREATE INDEX, optionally with another name, on another table, or CONCURRENTLY. */
export const formatIndexDefinition = (
  { definition, name: own, schema, table }: Index,
  { concurrently = false, called = own, on = `${quoteRelation({ schema, name: table })}` },
): string =>
  definition.replace(
    /^CREATE (UNIQUE )?INDEX .*? USING /s,
    (_, unique = '') =>
      `CREATE ${unique}INDEX ${concurrently ? 'CONCURRENTLY ' : ''}${name(called)} ON ${on} USING `,
  );

/** Returns the group of the file that builds the index. */
export const formatIndexGroup = (index: Index): string =>
  index.unique ? `unique ${quoteTable(index)} ${name(index.name)}` : `indexes of ${quoteTable(index)}`;

/** Returns the DEFERRABLE clause; empty for a constraint that is checked immediately. */
export const formatTiming = ({ deferrable, initiallyDeferred }: Index): string =>
  deferrable ? ` DEFERRABLE${initiallyDeferred ? ' INITIALLY DEFERRED' : ''}` : '';

/** ADD CONSTRAINT … USING INDEX renames the index to the constraint's name. */
export const buildUseIndexSql = (index: Index, by: string): string =>
  `ALTER TABLE ${quoteTable(index)} ADD CONSTRAINT ${name(index.name)} ${index.primary ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${name(by)}${formatTiming(index)}`;
