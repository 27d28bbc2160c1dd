export { type Certificates, makeCertificates } from '../../../lib/local/certificates';
