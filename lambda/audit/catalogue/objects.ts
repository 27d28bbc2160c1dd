import type { Catalogue } from '.';

/** How many objects were read. */
export const objectsIn = ({ database: _, others: __, ...lists }: Catalogue): number =>
  Object.values(lists).reduce((sum, { length }) => sum + length, 0);
