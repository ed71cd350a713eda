//! A project as dbt has it.

use crate::support::good;

#[test]
fn a_dbt_project_runs_unchanged() {
    let project = good(JAFFLE);
    let sql = |name: &str| project.models[name].rendered.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(sql("stg_payments").contains("amount / 100 as amount from source"), "{}", sql("stg_payments"));
    assert!(
        sql("orders").contains("sum(case when payment_method = 'coupon' then amount else 0 end) as coupon_amount,")
    );
    let order: Vec<String> = project.graph.order().iter().map(ToString::to_string).collect();
    assert_eq!(
        order.join(" "),
        "seed.raw_customers seed.raw_orders seed.raw_payments model.stg_customers model.stg_orders model.customers \
         model.stg_payments model.orders test.no_negative_amounts"
    );
    assert_eq!(project.models["orders"].config.key[0].value, "order_id");
}

const JAFFLE: &str = "\
//- project/sources.toml
default_sink = 'marts'
[connections.db]
type = 'memory'
[sinks.marts]
connection = 'db'
//- project/seeds/raw_customers.csv
id,first_name,last_name
1,Michael,P.
//- project/seeds/raw_orders.csv
id,user_id,order_date,status
1,1,2018-01-01,returned
//- project/seeds/raw_payments.csv
id,order_id,payment_method,amount
1,1,credit_card,1000
//- project/macros/cents_to_dollars.sql
{# A basic example for a project-wide macro #}
{%- macro cents_to_dollars(column_name) -%}
    {{ column_name }} / 100
{%- endmacro %}
//- project/models/staging/stg_customers.sql
with source as (

    {#-
    Normally we would select from the table here, but we are using seeds to load
    our data in this project
    #}
    select * from {{ ref('raw_customers') }}

),

renamed as (

    select
        id as customer_id,
        first_name,
        last_name

    from source

)

select * from renamed
//- project/models/staging/stg_orders.sql
with source as (
    select * from {{ ref('raw_orders') }}
),
renamed as (
    select id as order_id, user_id as customer_id, order_date, status from source
)
select * from renamed
//- project/models/staging/stg_payments.sql
with source as (
    select * from {{ ref('raw_payments') }}
),
renamed as (
    select
        id as payment_id,
        order_id,
        payment_method,
        -- `amount` is currently stored in cents, so we convert it to dollars
        {{ cents_to_dollars('amount') }} as amount
    from source
)
select * from renamed
//- project/models/customers.sql
with customers as (
    select * from {{ ref('stg_customers') }}
),
orders as (
    select * from {{ ref('stg_orders') }}
),
customer_orders as (
    select customer_id, min(order_date) as first_order, count(order_id) as number_of_orders
    from orders
    group by customer_id
),
final as (
    select customers.customer_id, customers.first_name, customer_orders.first_order, customer_orders.number_of_orders
    from customers
    left join customer_orders
        on customers.customer_id = customer_orders.customer_id
)
select * from final
//- project/models/orders.sql
{{
    config(
        materialized='incremental',
        unique_key='order_id',
        incremental_strategy='delete+insert',
        on_schema_change='append_new_columns',
        tags=['nightly']
    )
}}

{% set payment_methods = ['credit_card', 'coupon', 'bank_transfer', 'gift_card'] %}

with orders as (
    select * from {{ ref('stg_orders') }}
    {% if is_incremental() %}
    where order_date >= (select max(order_date) from {{ this }})
    {% endif %}
),
payments as (
    select * from {{ ref('jaffle_shop', 'stg_payments') }}
),
order_payments as (
    select
        order_id,
        {% for payment_method in payment_methods -%}
        sum(case when payment_method = '{{ payment_method }}' then amount else 0 end) as {{ payment_method }}_amount,
        {% endfor -%}
        sum(amount) as total_amount
    from payments
    group by order_id
),
final as (
    select
        orders.order_id,
        orders.order_date,
        {% for payment_method in payment_methods -%}
        order_payments.{{ payment_method }}_amount,
        {% endfor -%}
        order_payments.total_amount as amount
    from orders
    left join order_payments
        on orders.order_id = order_payments.order_id
)
select * from final
//- project/tests/no_negative_amounts.sql
{{ config(severity='warn') }}
select * from {{ ref('orders') }} where amount < 0
";
