import { lostKind } from '../../lost';

export const extensionSchema = lostKind('extension-schema', {
  title: 'An extension is in another schema',
  impact:
    'Calls of its functions without a schema find nothing, or something else, under the search path of the application.',
  origin:
    'Supabase has extensions in the schema extensions; CREATE EXTENSION elsewhere puts them into public.',
  remedy:
    'ALTER EXTENSION … SET SCHEMA, where the extension can be moved; or set the search path of the role that calls it.',
});
