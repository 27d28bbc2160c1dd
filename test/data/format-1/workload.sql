-- Trueup workload, format 1: what the application sends, without values. `trueup workload` writes it.

-- role unknown
SELECT id FROM customers;

-- role app; calls 12; search_path "$user", public
SELECT id FROM orders WHERE id = $1;
