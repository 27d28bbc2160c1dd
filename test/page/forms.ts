/** The forms of a page against their published schemas. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true, allowUnionTypes: true });
addFormats(ajv);
const FOLDER = join(__dirname, '../data/pages');

function schemaOf(name: string): (document: unknown) => void {
  const validate = ajv.compile(JSON.parse(readFileSync(join(FOLDER, `${name}.schema.json`), 'utf8')));
  return (document) => {
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
  };
}

export const isChatMessage = schemaOf('amazon-q-custom-notification');
export const isPagerDutyEvent = schemaOf('pagerduty-events-v2');
export const isWebhookBody = schemaOf('webhook');

/** Names that a chat, a browser or a terminal would take for something else. */
export const HOSTILE_NAMES = [
  '<!channel>',
  '<!here>',
  '<@U024BE7LH>',
  '<https://evil.example|x>',
  '@here',
  '@channel',
  '&lt;!here&gt;',
  '[x](http://evil.example)',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '`code`',
  'a\u202eb',
] as const;
