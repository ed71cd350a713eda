{# E-mail addresses name people, so two spellings of one address must be equal. #}
{% macro normalized_email(column) -%}
lower(trim({{ column }}))
{%- endmacro %}
