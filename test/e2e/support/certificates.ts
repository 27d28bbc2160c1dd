export { type Certificates, makeCertificates } from '../../support/certificates';
