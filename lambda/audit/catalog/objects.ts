import type { Catalog } from '.';

/** Counts the objects that were read. Roles are not counted, since they belong to the server. */
export const countObjects = ({ database: _, others: __, roles: ___, ...lists }: Catalog): number =>
  Object.values(lists).reduce((sum, { length }) => sum + length, 0);
