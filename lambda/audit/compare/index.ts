/** Compares two databases by the names of their objects. Pure. What is gone with something larger is not said again. */
import type { Catalogue } from '../catalogue';
import { compareColumns } from './columns';
import { compareComments } from './comments';
import { compareConstraints } from './constraints';
import type { Comparison } from './difference';
import { compareFunctions } from './functions';
import { compareGrants } from './grants';
import { compareIndexes } from './indexes';
import { compareLocale } from './locale';
import { comparedWithoutMoves } from './moved-extensions';
import { type Pair, pairOf } from './pair';
import { comparePolicies } from './policies';
import { comparePublications } from './publications';
import { compareSchemas } from './schemas';
import { compareSequences } from './sequences';
import { compareSettings } from './settings';
import { compareTables } from './tables';
import { compareTriggers } from './triggers';
import { compareTypes } from './types';
import { compareViews } from './views';

const PARTS: readonly ((pair: Pair) => Comparison)[] = [
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

export const compare = (source: Catalogue, target: Catalogue): Comparison =>
  comparedWithoutMoves(source, target, compareNamed);

function compareNamed(source: Catalogue, target: Catalogue): Comparison {
  const pair = pairOf(source, target);
  const parts = PARTS.map((part) => part(pair));
  return {
    differences: parts.flatMap(({ differences }) => differences),
    notSeen: parts.flatMap(({ notSeen }) => notSeen),
  };
}
