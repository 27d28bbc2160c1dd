/** The published schema of SARIF 2.1.0 (OASIS, errata 01), as a validator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { Log } from 'sarif';
import { expect } from 'vitest';

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
const validate = ajv.compile(
  JSON.parse(readFileSync(join(__dirname, '../data/sarif/sarif-schema-2.1.0.json'), 'utf8')),
);

export function validSarif(log: unknown): Log {
  validate(log);
  expect(validate.errors ?? []).toEqual([]);
  return log as Log;
}

export const isValidSarif = (log: unknown): boolean => validate(log) as boolean;
