//! Types of the crate `durasim-worker` that tests touch, with examples of their use in a test.

/// # In a test
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// use durasim::WorkflowErrorType;
///
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .activity(Mailer::remind)
///     .options(|options| {
///         options.workflow_failure_errors.insert(WorkflowErrorType::Nondeterminism);
///     })
///     .start()?;
/// remind_ann(&env).await?;
/// # Ok(())
/// # }));
/// ```
pub use durasim_worker::WorkflowErrorType;
/// # In a test
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .activity(Mailer::remind)
///     .options(|options| options.build_id = "2024-01-01".to_owned())
///     .start()?;
/// remind_ann(&env).await?;
/// # Ok(())
/// # }));
/// ```
pub use durasim_worker::WorkflowWorkerOptions;
/// # In a test
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders")
///     .workflow::<Reminder>()
///     .mock_activity(Mailer::remind, |call| async move {
///         match call.attempt {
///             1 => Err(std::io::Error::other("busy").into()),
///             _ => Ok(format!("{} was reminded", call.input)),
///         }
///     })
///     .start()?;
/// assert_eq!(remind_ann(&env).await?, "ann was reminded");
/// # Ok(())
/// # }));
/// ```
pub use durasim_worker::activity::ActivityCall;
/// # In a test
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// use durasim::ActivityCallOutcome;
///
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// remind_ann(&env).await?;
/// let outcome = &env.calls(Mailer::remind)[0].outcome;
/// assert!(matches!(outcome, ActivityCallOutcome::Completed(_)));
/// # Ok(())
/// # }));
/// ```
pub use durasim_worker::activity::ActivityCallOutcome;
/// # In a test
///
/// ```
#[doc = include_str!("../docs/prologue.md")]
/// # passes(|env| Box::pin(async move {
/// env.worker("reminders").workflow::<Reminder>().activity(Mailer::remind).start()?;
/// remind_ann(&env).await?;
/// let calls = env.calls(Mailer::remind);
/// assert_eq!(calls[0].input::<String>()?, "ann");
/// assert_eq!(calls[0].output::<String>()?.as_deref(), Some("ann"));
/// assert_eq!((calls[0].workflow_id.as_str(), calls[0].attempt), ("reminder-1", 1));
/// # Ok(())
/// # }));
/// ```
pub use durasim_worker::activity::ActivityCallRecord;
