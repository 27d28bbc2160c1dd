/** Statements are planned on real servers, and none of them does anything. */
import { describe } from 'vitest';
import { majors } from '../support/database';
import { answers } from './answers';
import { changes } from './changes';
import { functions } from './functions';
import { generatedInserts } from './generated-inserts';
import { hostileTexts } from './hostile';
import { insertShapes } from './inserts';
import { rights } from './rights';

describe.each(majors())('PostgreSQL %i', (major) => {
  insertShapes(major);
  generatedInserts(major);
  hostileTexts(major);
  answers(major);
  changes(major);
  functions(major);
  rights(major);
});
