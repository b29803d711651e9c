// The hosted page: connecting an account, or the form afterwards.

import { connect, resume } from "./connect.js";
import { greet } from "./host.js";
import { postConnect } from "./post-connect.js";
import { brought, page, query } from "./session.js";

greet();
if (page === "callback") resume(brought);
else if (page === "post-connect") postConnect(query);
else connect();
