/** Gives every test the English texts, which the kernel sends in a notebook. */

import { useTexts } from "../src/texts";
import { textsOf } from "./catalogue";

useTexts("en", textsOf("en"));
