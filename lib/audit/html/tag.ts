/** HTML as text: what stands in `${}` of a template is escaped, unless `html` made it. */
import { html, raw } from 'hono/html';

export type Html = ReturnType<typeof html>;
export { html, raw };
