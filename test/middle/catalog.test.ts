import { describe } from 'vitest';
import { catalogOf } from '../audit/catalog';
import { majors } from '../support/database';

describe.each(majors())('PostgreSQL %i', catalogOf);
