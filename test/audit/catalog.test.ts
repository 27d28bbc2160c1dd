import { describe } from 'vitest';
import { majors } from '../support/database';
import { catalogOf } from './catalog';

describe.each(majors())('PostgreSQL %i', catalogOf);
