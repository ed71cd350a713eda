//! What every connector keeps to, or declares that it does not do. Nothing here knows a system but the list of subjects.

mod atomic;
mod modes;
mod reading;
pub mod subject;
mod values;
mod written;

use subject::Subject;

/// Makes a test of each check for each subject.
macro_rules! contract {
    ($subject:ident: $($module:ident::$check:ident),+ $(,)?) => {
        mod $subject {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    super::$module::$check(super::Subject::$subject()).await;
                }
            )+
        }
    };
}

/// Every check, for a subject; each asks the abilities what to expect.
macro_rules! every_check {
    ($($subject:ident),+) => {
        $(contract!($subject:
            values::every_type_there_and_back,
            values::hostile_names,
            values::hostile_texts,
            values::definitions_come_back,
            reading::an_empty_table,
            reading::projection_filter_and_limit,
            reading::a_missing_table,
            reading::batches_are_bounded,
            reading::one_instant_over_tables,
            reading::an_early_end_of_a_scan,
            reading::since_resumes_exactly,
            reading::tokens_tell_changes,
            reading::places_within_a_stream,
            modes::append,
            modes::replace,
            modes::merge_keeps_the_last,
            modes::delete_insert,
            modes::keys_without_value,
            modes::preview_is_what_comes,
            modes::rows_that_are_not_kept_go,
            atomic::dropped_leaves_nothing,
            atomic::tables_together_or_not_at_all,
            atomic::broken_rules_leave_the_old,
            atomic::readers_see_old_or_new,
            atomic::positions_move_with_rows,
            atomic::a_rival_loses,
            atomic::dead_letters_come_with_rows,
            atomic::dead_letters_are_let_go_with_rows,
        );)+
    };
}

every_check!(sqlite, memory, log, csv, ndjson, parquet, mysql, postgres, kafka);

contract!(kafka_avro:
    values::every_type_there_and_back,
    values::hostile_texts,
    reading::an_empty_table,
    reading::projection_filter_and_limit,
    reading::a_missing_table,
    reading::one_instant_over_tables,
    reading::since_resumes_exactly,
    modes::append,
    atomic::dropped_leaves_nothing,
);

// Rules of tables are not a shelf's: it is there to show what a connector has to bring.
contract!(shelf:
    values::every_type_there_and_back,
    values::hostile_names,
    values::hostile_texts,
    reading::an_empty_table,
    reading::projection_filter_and_limit,
    reading::a_missing_table,
    reading::batches_are_bounded,
    reading::one_instant_over_tables,
    reading::an_early_end_of_a_scan,
    reading::since_resumes_exactly,
    reading::tokens_tell_changes,
    reading::places_within_a_stream,
    modes::append,
    modes::replace,
    modes::merge_keeps_the_last,
    modes::delete_insert,
    modes::keys_without_value,
    modes::preview_is_what_comes,
    atomic::dropped_leaves_nothing,
    atomic::readers_see_old_or_new,
    atomic::positions_move_with_rows,
    atomic::a_rival_loses,
    atomic::dead_letters_come_with_rows,
    atomic::dead_letters_are_let_go_with_rows,
);
