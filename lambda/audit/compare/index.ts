/**
 * Compares two databases by the names of their objects. A missing object is reported once; its parts are not reported
 * separately. Pure.
 */
import type { Catalog } from '../catalog';
import { compareColumns } from './columns';
import { compareComments } from './comments';
import { compareConstraints } from './constraints';
import type { Comparison } from './difference';
import { compareFunctions } from './functions';
import { compareGrants } from './grants';
import { compareIndexes } from './indexes';
import { compareLocale } from './locale';
import { compareWithoutMoves } from './moved-extensions';
import { buildPair, type CatalogPair } from './pair';
import { comparePolicies } from './policies';
import { comparePublications } from './publications';
import { compareSchemas } from './schemas';
import { compareSequences } from './sequences';
import { compareSettings } from './settings';
import { compareTables } from './tables';
import { compareTriggers } from './triggers';
import { compareTypes } from './types';
import { compareViews } from './views';

const COMPARISONS: readonly ((pair: CatalogPair) => Comparison)[] = [
  compareLocale,
  compareSchemas,
  compareTypes,
  compareTables,
  compareColumns,
  compareIndexes,
  compareConstraints,
  compareSequences,
  compareViews,
  compareFunctions,
  compareTriggers,
  comparePolicies,
  comparePublications,
  compareGrants,
  compareComments,
  compareSettings,
];

export const compareCatalogs = (source: Catalog, target: Catalog): Comparison =>
  compareWithoutMoves(source, target, compareByName);

function compareByName(source: Catalog, target: Catalog): Comparison {
  const pair = buildPair(source, target);
  const parts = COMPARISONS.map((part) => part(pair));
  return {
    differences: parts.flatMap(({ differences }) => differences),
    notChecked: parts.flatMap(({ notChecked }) => notChecked),
  };
}
