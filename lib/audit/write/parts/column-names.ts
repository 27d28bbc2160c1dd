/** Names a step's column in titles, sentences and queries. */
import type { Column } from '../../../../lambda/audit/catalog/columns';
import { quoteName as name, quoteTable, quoteText } from '../names';

export const buildCommonFields = (column: Column, what: string) => ({
  group: `${what} of ${quoteTable(column)}.${name(column.name)}`,
  title: `${what} of ${column.table} ${column.name}`,
  table: { schema: column.schema, name: column.table },
});

/** Returns the arguments `'table', 'column'` of a verification function. */
export const formatCheckArguments = (column: Column): string =>
  `${quoteText(quoteTable(column))}, ${quoteText(name(column.name))}`;
export const formatColumnPath = (column: Column): string => `${quoteTable(column)}.${name(column.name)}`;
