import { describe } from 'vitest';
import { majors } from '../support/database';
import { catalogueOf } from './catalogue';

describe.each(majors())('PostgreSQL %i', catalogueOf);
