export { dumpCatalogue } from '../../lib/local/catalogue';
