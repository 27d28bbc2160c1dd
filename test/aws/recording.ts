/** What a step saw, as a file that tests without AWS read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Known, leaks, scrubber } from './scrub';

/** In a folder for each format, so that a test never reads what it does not understand. */
export const RECORDINGS = join(__dirname, 'recordings');

export interface Recording<Data> {
  readonly step: string;
  /** `aws`: an account answered. `local`: a model did, and it is no evidence. */
  readonly source: 'aws' | 'local';
  /** The day, in UTC. */
  readonly recordedOn: string;
  readonly region: string;
  readonly data: Data;
}

/** JSON Schema of the frame; the data is the step's own. */
export const RECORDING_SCHEMA = {
  type: 'object',
  required: ['step', 'source', 'recordedOn', 'region', 'data'],
  additionalProperties: false,
  properties: {
    step: { type: 'string', pattern: '^[a-z][a-z-]*$' },
    source: { enum: ['aws', 'local'] },
    recordedOn: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\d$' },
    region: { type: 'string' },
    data: {},
  },
} as const;

/**
 * @returns the file
 * @throws {Error} when something that names an account, a host or a request would be in it; nothing is then written
 */
export function writeRecording(folder: string, recording: Recording<unknown>, known: Known): string {
  const document = { ...recording, data: scrubber(known)(recording.data) };
  const text = `${JSON.stringify(document, null, 1)}\n`;
  const left = leaks(text, known);
  if (left.length > 0)
    throw new Error(
      `The recording of ${recording.step} would still hold: ${left.join(', ')}. It was not written; extend test/aws/scrub.ts.`,
    );
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${recording.step}.json`);
  writeFileSync(file, text);
  return file;
}
