/* Its query symbol is UNIQUE: the loader would make it one for all plugins. */
__asm__(
    ".pushsection .data\n"
    ".globl dispatch_plugin_query_v1\n"
    ".type dispatch_plugin_query_v1, %gnu_unique_object\n"
    ".size dispatch_plugin_query_v1, 8\n"
    "dispatch_plugin_query_v1: .quad 0\n"
    ".popsection\n");
extern const char dispatch_plugin_query_v1[8];
