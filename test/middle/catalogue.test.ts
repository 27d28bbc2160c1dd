import { describe } from 'vitest';
import { catalogueOf } from '../audit/catalogue';
import { majors } from '../support/database';

describe.each(majors())('PostgreSQL %i', catalogueOf);
