#pragma once
// A memory on a server, by PostgreSQL's libpq.

#include <string>

#include "runtime/memory/sql.h"

namespace sedma::runtime {

/// Connects with deadlines of its own (5 s, where the URI says none) and commits that wait for the disk. Errors: invalid_argument (no such
/// URI), unavailable. No message holds the password.
Result<std::unique_ptr<Sql>> connect_postgres(const std::string& uri);

}  // namespace sedma::runtime
