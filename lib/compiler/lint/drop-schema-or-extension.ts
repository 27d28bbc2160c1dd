import { defineRule } from './rule';

export const dropSchemaOrExtension = defineRule({
  id: 'drop-schema-or-extension',
  consent: 'destroys',
  title: 'Dropping a schema or an extension drops what is in it.',
  says: (noun: string, name: string) => ({ what: `DROP ${noun} removes ${name} and what is in it` }),
  bad: ['DROP SCHEMA archive'],
  good: ['ALTER SCHEMA archive RENAME TO archive_2025'],
});
