/** The first run's grants differ from major to major: 15 has another schema public, 16 other memberships. */
import '../migrate/bootstrap.test';
