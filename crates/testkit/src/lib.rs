//! For tests: throw-away databases, the running gateway and sandbox with typed calls.
//!
//! ```no_run
//! # async fn example() {
//! use testkit::{App, TestDatabase};
//!
//! let database = TestDatabase::sqlite();
//! let app = App::start(&database).await;
//! let account = app.connect().await;
//! let orders = app.get(&format!("/unified/ecommerce/orders?integrated_account_id={account}")).await.ok();
//! assert_eq!(orders["result_count"], 50);
//! # }
//! ```
#![expect(clippy::expect_used, reason = "a test that can't begin has to fail")]

mod answer;
mod app;
mod authorization_server;
mod eventually;
mod platform;

pub use answer::Answer;
pub use app::{App, Node, Setup, small_winery};
pub use authorization_server::{AuthorizationServer, CLIENT, Given};
pub use eventually::eventually;
pub use gateway::Settings;
pub use platform::{Asked, Platform};
pub use sandbox::{AppVersion, Called, Clock, Fault, FaultRule, FaultStage, ManualClock, Options as Winery};
pub use store::over_both_databases;
pub use store::testing::{POSTGRES_URL, TestClock, TestDatabase};
