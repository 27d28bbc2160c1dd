/** How a part names its column: in its title, in sentences, in queries. */
import type { Column } from '../../../../lambda/audit/catalogue/columns';
import { literal, column as name, tableOf } from '../names';

export const common = (column: Column, what: string) => ({
  group: `${what} of ${tableOf(column)}.${name(column.name)}`,
  title: `${what} of ${column.table} ${column.name}`,
});

/** `table', 'column` of a verification function. */
export const named = (column: Column): string => `${literal(tableOf(column))}, ${literal(name(column.name))}`;
export const pathOf = (column: Column): string => `${tableOf(column)}.${name(column.name)}`;
