import { describe } from 'vitest';
import { majors } from '../support/database';
import { answers } from '../workload/answers';
import { changes } from '../workload/changes';
import { functions } from '../workload/functions';
import { generatedInserts } from '../workload/generated-inserts';
import { hostileTexts } from '../workload/hostile';
import { insertShapes } from '../workload/inserts';
import { rights } from '../workload/rights';

describe.each(majors())('PostgreSQL %i', (major) => {
  insertShapes(major);
  generatedInserts(major);
  hostileTexts(major);
  answers(major);
  changes(major);
  functions(major);
  rights(major);
});
