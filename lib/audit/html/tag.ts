/** HTML templates: interpolated values are escaped, unless `html` produced them. */
import { html, raw } from 'hono/html';

export type Html = ReturnType<typeof html>;
export { html, raw };
