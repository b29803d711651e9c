// The hosted page: connecting an account, or the form afterwards.

import { connect, resume } from "./connect.js";
import { greet } from "./host.js";
import { postConnect } from "./post-connect.js";
import { outcome, page, query } from "./session.js";

greet();
if (page === "callback") resume(outcome);
else if (page === "post-connect") postConnect(query);
else connect();
